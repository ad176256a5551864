# unit tests of lib/recall
