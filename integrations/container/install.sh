#!/bin/sh
# Install depthmatte into a bare Debian root: the steps of the Dockerfile.
#
#   install.sh system          Python, and the user that runs the server
#   install.sh package SOURCE  depthmatte with its server from SOURCE, into /opt/depthmatte
#
# It runs as root inside the root that it changes.
set -eu

USER_ID=10001
TARGET=/opt/depthmatte

system() {
    export DEBIAN_FRONTEND=noninteractive
    apt-get update -q
    apt-get install -y -q --no-install-recommends ca-certificates python3 python3-venv
    rm -rf /var/lib/apt/lists/* /var/cache/apt/archives/*.deb
    if ! getent passwd depthmatte >/dev/null; then
        groupadd --gid "$USER_ID" depthmatte
        useradd --uid "$USER_ID" --gid "$USER_ID" --home-dir /nonexistent \
            --no-create-home --shell /usr/sbin/nologin depthmatte
    fi
}

package() {
    python3 -m venv "$TARGET"
    "$TARGET/bin/python" -m pip install --no-cache-dir --disable-pip-version-check -q \
        "$1${EXTRAS-[server]}"
    # The root is read-only later, so the bytecode is made now.
    "$TARGET/bin/python" -m compileall -q "$TARGET/lib" || true
    install -m 0644 "$(dirname "$0")/health_check.py" "$TARGET/health_check.py"
    "$TARGET/bin/depthmatte" --version
}

case "${1-}" in
system) system ;;
package) package "${2:?name the folder of the source}" ;;
*)
    echo "usage: install.sh system | package SOURCE" >&2
    exit 2
    ;;
esac
