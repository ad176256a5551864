# unit tests of lib/frame
