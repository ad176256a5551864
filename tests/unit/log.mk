# unit tests of lib/log
