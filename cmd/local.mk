# The programs and their common part.
