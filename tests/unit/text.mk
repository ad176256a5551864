# unit tests of lib/text
