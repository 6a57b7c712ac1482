"""Items read and written: plan, SQL, rows; change trees, one transaction, history."""
