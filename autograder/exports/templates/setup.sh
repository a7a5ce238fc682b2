#!/usr/bin/env bash
# Prepare a Gradescope container: a sandbox, a Python of 3.11 or later, the pinned packages.
set -euo pipefail
source_folder="${AUTOGRADER_ROOT:-/autograder}/source"
export DEBIAN_FRONTEND=noninteractive
apt-get update -qq
apt-get install -y -qq bubblewrap ca-certificates python3 python3-venv python3-pip >/dev/null

environment="$source_folder/environment"
if python3 -c 'import sys; sys.exit(sys.version_info < (3, 11))'; then
    python3 -m venv "$environment"
else
    # An older Ubuntu: uv brings a Python of its own, to where other users may read it.
    export UV_PYTHON_INSTALL_DIR=/opt/python
    python3 -m venv /opt/uv
    /opt/uv/bin/pip install --quiet uv
    /opt/uv/bin/uv venv --quiet --seed --python 3.12 "$environment"
fi
# torch for the CPU is a tenth of the size of the one for graphics cards.
"$environment/bin/python" -m pip install --quiet --no-cache-dir \
    --extra-index-url https://download.pytorch.org/whl/cpu \
    --requirement "$source_folder/requirements.txt"
# Student code in the sandbox must not find these; as another user it could not read them either.
chmod -R go-rwx "$source_folder/course"
