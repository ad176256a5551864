/* libraries.c - which libraries the derived files are made with: the first
 * question behind a report that they are damaged. */
#include "engram.h"

#include <stdio.h>

#include "sql/sql.h"
#include "store/store.h"

void engram_libraries(char out[ENGRAM_LIBRARIES_TEXT])
{
	char lmdb[ENG_STORE_VERSION_TEXT];
	const char *sqlite = eng_sql_version();

	eng_store_version(lmdb);
	snprintf(out, ENGRAM_LIBRARIES_TEXT, "LMDB %s, SQLite %.32s", lmdb, sqlite ? sqlite : "not found");
}
