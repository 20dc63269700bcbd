#!/bin/sh
# Takes secrets from files, then becomes the command: NAME_FILE=/run/secrets/x puts what is in that file into NAME.
# So for every BOIFI_… setting, and for those variables of others that hold a password.
set -eu
secrets='BOIFI_[A-Z0-9_]+|PGPASSWORD|PREFECT_(SERVER_)?API_AUTH_STRING|PREFECT_API_KEY|PREFECT_SERVER_DATABASE_CONNECTION_URL'
for name in $(env | sed -nE "s/^($secrets)_FILE=.*/\1/p"); do
    eval "file=\$${name}_FILE"
    if [ ! -r "$file" ]; then
        echo "error: ${name}_FILE: must be a file that user $(id -u) may read, got $file" >&2
        exit 2
    fi
    export "$name=$(cat "$file")"
    unset "${name}_FILE"
done
exec "$@"
