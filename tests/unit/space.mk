# unit tests of lib/space
