/* embed.h - the embedder that the settings name, for every program that needs one. */
#ifndef CMD_EMBED_H
#define CMD_EMBED_H

#include "common/cli.h"

/* *e NULL: none is set.  False: its settings are wrong (reported). */
bool embed_open(struct cli *cli, struct engram_embedder **e);

/* One text; *vector NULL where the embedder has none for it.  0 or an ENGRAM_E
 * code. */
int embed_one(struct engram_embedder *e, struct engram_str text, const float **vector, size_t *dim,
              struct engram_error *err);

#endif
