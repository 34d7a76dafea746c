"""The documents under ``contracts/`` held against the code, without servers."""
