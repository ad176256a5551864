/* locks.h - the byte locks of a space.
 *
 * The file `lock` of a space is made with it and never replaced; a lock on
 * something that goes away (a segment, a directory) would let two holders in.
 * Each byte is one OFD lock:
 *
 *   maint  one fold, compaction, check or rebuild at a time
 *   apply  whoever writes the state
 *   mint   whoever chooses or begins this store's own series
 *
 * The append and the flush lock of a series are bytes of its mark (mark.h).
 * Order of taking: home, maint, apply, mint, append, flush; never the append
 * locks of two series but for dropping a space. */
#ifndef ENG_LOG_LOCKS_H
#define ENG_LOG_LOCKS_H

#define ENG_LOCK_FILE "lock"

enum eng_lock_byte {
	ENG_LOCK_MAINT = 0,
	ENG_LOCK_APPLY = 1,
	ENG_LOCK_MINT = 2,
};

#endif
