# Sets $python to a Python that is new enough, or says what is missing and ends. Sourced.
python=
for candidate in python3 python3.14 python3.13 python3.12 python3.11 python; do
    if "$candidate" -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1; then
        python=$candidate
        break
    fi
done
if [ -z "$python" ]; then
    found=$(python3 -V 2>/dev/null || echo none)
    echo "Tallystick needs Python 3.11 or newer on the PATH; found: $found." >&2
    echo "On Debian or Ubuntu: apt install python3 python3-pip. Elsewhere: your system's way, or" >&2
    echo "the installer of python.org. Then run this command again." >&2
    exit 1
fi
