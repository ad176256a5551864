/* kind.c - which kinds of frames this version understands.
 *
 * A file of its own, so that tests/unit/test_space_kinds can put an older program's
 * answer in its place.  A kind that is added here, or means something else than it
 * did, needs another ENG_STATE_VERSION: states that passed it over are then made
 * anew from the log. */
#include "merge/item.h"

bool eng_known_kind(const struct eng_header *h)
{
	switch (h->kind) {
	case ENG_BIRTH: /* it changes nothing */
	case ENG_MEMORY:
	case ENG_REVISION:
	case ENG_EDGE:
	case ENG_USE:
	case ENG_FEEDBACK:
	case ENG_FORGET:
	case ENG_RETIRE:
	case ENG_FORK:
		return h->version <= ENG_FRAME_VERSION;
	default:
		return false;
	}
}
