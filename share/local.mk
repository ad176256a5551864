# Files installed under share/.
