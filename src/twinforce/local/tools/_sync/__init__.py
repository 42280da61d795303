# Generated from src/twinforce/local/tools/_async/__init__.py by scripts/make_sync.py.
# Change that file, never this one, and then run `scripts/test -s twins -- --write`.
