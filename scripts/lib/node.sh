# Sourced by every verb: refuses in one line where no Node is that can run the rest.
if ! command -v node >/dev/null 2>&1; then
  echo "node was not found on the PATH: install Node 20 or newer together with npm, then run this again." >&2
  exit 1
fi
if [ "$(node -p 'Number(process.versions.node.split(".")[0]) >= 20')" != true ]; then
  echo "this needs Node 20 or newer to begin with; $(command -v node) is $(node --version)." >&2
  exit 1
fi
