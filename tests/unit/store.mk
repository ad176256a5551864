# unit tests of lib/store
