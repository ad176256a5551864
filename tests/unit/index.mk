# unit tests of lib/index
