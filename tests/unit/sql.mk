# unit tests of lib/sql
