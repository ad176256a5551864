# unit tests of lib/merge
