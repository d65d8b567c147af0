"""The ledger: its tables, its proof, its limits, its books."""
