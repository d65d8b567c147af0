"""What Alembic runs: on the connection that the caller opened."""

from alembic import context

from botpay.tables import metadata

context.configure(connection=context.config.attributes["connection"], target_metadata=metadata)
context.run_migrations()
