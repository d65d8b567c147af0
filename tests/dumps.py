"""What a thief of the database holds, and what only a holder of its keys reads in it."""

from sqlalchemy import inspect, select, text

from botpay.database import Database, Sealed
from botpay.sealing import Keyring, place
from botpay.tables import metadata


def dumped(database: Database) -> str:
    """Every row of every table, as a thief reads them; bytes as they are, so that words in them show."""
    lines = []
    with database.read() as connection:
        for table in inspect(connection).get_table_names():
            rows = connection.execute(text(f'select * from "{table}"')).all()
            lines += [f"{table}: " + " ".join(_shown(value) for value in row) for row in rows]
    return "\n".join(lines)


def opened(database: Database, keyring: Keyring) -> list[str]:
    """Every sealed value of the database, opened."""
    found = []
    with database.read() as connection:
        for table in metadata.tables.values():
            for column in table.columns:
                if isinstance(column.type, Sealed):
                    names = [table.c[name] for name in column.type.row]
                    rows = connection.execute(select(column, *names).where(column.is_not(None))).all()
                    found += [keyring.unseal(place(table.name, tuple(row), column.name), value) for value, *row in rows]
    return found


def _shown(value: object) -> str:
    return bytes(value).decode("latin-1") if isinstance(value, bytes | memoryview) else str(value)
