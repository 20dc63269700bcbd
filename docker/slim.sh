#!/bin/sh
# Leaves of an environment what runs, compiled: `slim.sh ENVIRONMENT`.
set -eu
cd "$1"/lib/python3.*/site-packages

find . -type d -name tests -prune -exec rm -rf {} +
find . -type f \( -name '*.pyi' -o -name '*.pxd' -o -name '*.pxi' -o -name '*.pyx' -o -name '*.tp' -o -name '*.h' \
    -o -name '*.hpp' -o -name '*.c' -o -name '*.cc' -o -name '*.cpp' -o -name '*.a' -o -name RECORD \) -delete

# Arrow's RPC and its own client of S3, which nothing here uses, and what is for building with Arrow and NumPy.
rm -rf pyarrow/libarrow_flight* pyarrow/libarrow_python_flight* pyarrow/_flight.* pyarrow/include pyarrow/src
rm -rf pyarrow/libarrow_s3* pyarrow/_s3fs.* numpy/distutils
# What no other part of these libraries is made of, and nothing here imports.
rm -rf scipy/datasets scipy/fftpack scipy/io scipy/misc scipy/odr scipy/signal sklearn/datasets sqlalchemy/testing
# Of all of Amazon's services S3, and what hands out credentials for it.
[ ! -d botocore ] || find botocore/data -mindepth 1 -maxdepth 1 -type d ! -name s3 ! -name sts ! -name 'sso*' ! -name signin \
    -exec rm -rf {} +
# The colours of five hundred languages; Python's are for tracebacks.
[ ! -d pygments ] || find pygments/lexers -name '*.py' ! -name __init__.py ! -name _mapping.py ! -name python.py \
    ! -name special.py -delete
# Prefect's second UI, which has to be asked for, and what the first was made from.
rm -rf prefect/server/ui-v2 prefect/server/ui_v2_build prefect/server/ui/*

# Symbols are for debuggers. What the makers of wheels put into .libs folders would not load any more without its own; some of
# it comes with several packages, as other libraries come by several names.
find . -type f -name '*.so*' -not -path './*.libs/*' -exec strip --strip-unneeded {} +
hardlink --quiet --ignore-time .

# Bytecode in place of sources, which would be another hundred megabytes: a traceback names a library's lines, and does not
# show them. Prefect finds its migrations by their sources.
compile="$1/bin/python -m compileall -q -j 2 --invalidation-mode unchecked-hash"
migrations=prefect/server/database/_migrations
[ ! -d $migrations ] || $compile $migrations
$compile -b -x "^\./$migrations/" . || true # what is no Python, such as a template, stays as it is
find . -name '*.pyc' -not -path '*/__pycache__/*' | sed 's/c$//' | xargs -d '\n' rm -f

# Whoever runs the image reads all of it, what Prefect made for itself too.
chmod -R a+rX .
