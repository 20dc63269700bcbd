#!/bin/sh
# Removes from an environment what its packages bring that is not for running: `slim.sh ENVIRONMENT`.
set -eu
cd "$1"/lib/python3.*/site-packages

find . -type d -name tests -prune -exec rm -rf {} +
find . -type f \( -name '*.pyi' -o -name '*.pxd' -o -name '*.pyx' -o -name '*.pyx.tp' -o -name '*.h' -o -name '*.hpp' \
    -o -name '*.c' -o -name '*.cc' -o -name '*.cpp' -o -name '*.a' \) -delete

# Arrow's RPC, which nothing here speaks, and what is only for building against Arrow. Its S3 file system stays.
rm -rf pyarrow/libarrow_flight* pyarrow/libarrow_python_flight* pyarrow/_flight.* pyarrow/include pyarrow/src
# Prefect's second UI, which has to be asked for.
rm -rf prefect/server/ui-v2

# Symbols are for debuggers.
find . -type f -name '*.so*' -exec strip --strip-unneeded {} +
