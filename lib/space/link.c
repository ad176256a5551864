/* link.c - what one memory says it leads to. */
#include "space/space_int.h"

void engram_link_init(struct engram_link *link)
{
	*link = (struct engram_link){.weight = ENGRAM_CONFIDENCE_ONE, .confidence = ENGRAM_CONFIDENCE_ONE};
}
