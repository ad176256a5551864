/* peer.h - what the peers of bench/ann.c share: vectors, time, the same answers in the same form.
 *
 *     PEER build INDEX BASE.fvecs             prints "build SECONDS", writes INDEX
 *     PEER sweep INDEX QUERIES.fvecs TRUTH    prints "EF RECALL QPS" for each ef
 *     PEER once INDEX QUERIES.fvecs N EF      one query, ten ids: what a script would run
 *
 * Seconds are processor time of one thread, the best of three rounds of a sweep.
 * Peers are built for the machine they run on (-O3 -march=native), as their users
 * build them. */
#ifndef BENCH_PEERS_PEER_H
#define BENCH_PEERS_PEER_H

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <string>
#include <vector>

namespace peer {

constexpr size_t K = 10;
constexpr size_t EFS[] = {10, 16, 24, 32, 48, 64, 96, 128, 192, 256, 384, 512};

[[noreturn]] inline void die(const std::string &what)
{
	fprintf(stderr, "peer: %s\n", what.c_str());
	exit(1);
}

inline double processor_s()
{
	timespec t;
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return double(t.tv_sec) + double(t.tv_nsec) / 1e9;
}

struct set {
	std::vector<float> x;
	uint32_t n = 0, dim = 0;

	const float *row(size_t i) const
	{
		return &x[i * dim];
	}
};

// Rows [from, from + n), or fewer at the end; a single one is read without the others.
inline set load(const char *path, uint32_t from = 0, uint32_t n = UINT32_MAX)
{
	set s;
	FILE *f = fopen(path, "rb");
	uint32_t dim;

	if (!f || fread(&s.dim, 4, 1, f) != 1 || fseek(f, 0, SEEK_END))
		die(std::string(path) + ": cannot be read");
	uint32_t all = uint32_t(size_t(ftell(f)) / (4 + 4 * size_t(s.dim)));
	s.n = std::min(n, all - std::min(from, all));
	s.x.resize(size_t(s.n) * s.dim);
	fseek(f, long(from * (4 + 4 * size_t(s.dim))), SEEK_SET);
	for (uint32_t i = 0; i < s.n; i++)
		if (fread(&dim, 4, 1, f) != 1 || fread(&s.x[size_t(i) * s.dim], 4, s.dim, f) != s.dim)
			die(std::string(path) + ": cannot be read");
	fclose(f);
	return s;
}

inline std::vector<uint32_t> load_truth(const char *path, uint32_t queries)
{
	std::vector<uint32_t> truth(queries * K);
	FILE *f = fopen(path, "rb");

	if (!f || fread(truth.data(), 4, truth.size(), f) != truth.size())
		die(std::string(path) + ": cannot be read");
	fclose(f);
	return truth;
}

using ids = std::vector<uint64_t>;

// INDEX has: static void build(path, const set &); open(path, dim, bool once);
// void ef(size_t); void find(ids &, const float *).
template <class INDEX> void sweep(INDEX &index, const set &queries, const std::vector<uint32_t> &truth)
{
	std::vector<ids> found(queries.n);

	for (size_t ef : EFS) {
		double best = 1e9;
		size_t hits = 0;

		index.ef(ef);
		for (int round = 0; round < 3; round++) {
			double begin = processor_s();

			for (uint32_t q = 0; q < queries.n; q++)
				index.find(found[q], queries.row(q));
			best = std::min(best, processor_s() - begin);
		}
		for (uint32_t q = 0; q < queries.n; q++)
			for (uint64_t id : found[q])
				hits += size_t(std::count(&truth[q * K], &truth[q * K] + K, uint32_t(id)));
		printf("%zu %.4f %.1f\n", ef, double(hits) / double(truth.size()), queries.n / best);
		fflush(stdout);
	}
}

template <class INDEX> int main(int argc, char **argv)
{
	std::string verb = argc > 3 ? argv[1] : "";

	if (verb == "build" && argc == 4) {
		set base = load(argv[3]);
		INDEX::build(argv[2], base);
	} else if (verb == "sweep" && argc == 5) {
		set queries = load(argv[3]);
		INDEX index(argv[2], queries.dim, false);
		sweep(index, queries, load_truth(argv[4], queries.n));
	} else if (verb == "once" && argc == 6) {
		set query = load(argv[3], uint32_t(atoi(argv[4])), 1);
		INDEX index(argv[2], query.dim, true);
		ids found;

		if (query.n != 1)
			die(std::string(argv[3]) + ": no such query");
		index.ef(size_t(atoi(argv[5])));
		index.find(found, query.row(0));
		for (uint64_t id : found)
			printf("%llu\n", (unsigned long long)id);
	} else {
		die("usage: build INDEX BASE, sweep INDEX QUERIES TRUTH, or once INDEX QUERIES N EF");
	}
	return 0;
}

} // namespace peer

#endif
