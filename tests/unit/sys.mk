# unit tests of lib/sys
