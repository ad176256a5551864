// hnswlib.cc - the peer of bench/ann.c: M 16, ef_construction 200, inner product of floats.
//
//     hnswlib BASE.fvecs QUERIES.fvecs TRUTH      prints "build SECONDS", then "EF RECALL QPS"
//
// Processor time of one thread; the best of three rounds.  Built for the machine
// it runs on (-march=native), as its users build it.
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <vector>

#include <hnswlib/hnswlib.h>

static double processor_s()
{
	timespec t;
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return double(t.tv_sec) + double(t.tv_nsec) / 1e9;
}

struct set {
	std::vector<float> x;
	uint32_t n = 0, dim = 0;
};

static set load(const char *path)
{
	set s;
	FILE *f = fopen(path, "rb");
	uint32_t dim;
	if (!f)
		exit(1);
	while (fread(&dim, 4, 1, f) == 1) {
		s.dim = dim;
		s.x.resize(size_t(s.n + 1) * dim);
		if (fread(&s.x[size_t(s.n) * dim], 4, dim, f) != dim)
			exit(1);
		s.n++;
	}
	fclose(f);
	return s;
}

int main(int argc, char **argv)
{
	const size_t k = 10, efs[] = {10, 16, 32, 64, 128, 192, 256, 512};
	if (argc != 4)
		return 2;
	set base = load(argv[1]), queries = load(argv[2]);
	std::vector<uint32_t> truth(queries.n * k);
	FILE *f = fopen(argv[3], "rb");
	if (!f || fread(truth.data(), 4, truth.size(), f) != truth.size())
		return 1;
	fclose(f);

	hnswlib::InnerProductSpace space(base.dim);
	hnswlib::HierarchicalNSW<float> graph(&space, base.n, 16, 200);
	double begin = processor_s();
	for (uint32_t i = 0; i < base.n; i++)
		graph.addPoint(&base.x[size_t(i) * base.dim], i);
	printf("build %.3f\n", processor_s() - begin);

	for (size_t ef : efs) {
		double best = 1e9;
		size_t hits = 0;
		graph.setEf(ef);
		for (int round = 0; round < 3; round++) {
			hits = 0;
			begin = processor_s();
			for (uint32_t q = 0; q < queries.n; q++) {
				auto found = graph.searchKnn(&queries.x[size_t(q) * base.dim], k);
				for (; !found.empty(); found.pop())
					for (size_t i = 0; i < k; i++)
						hits += found.top().second == truth[q * k + i];
			}
			best = std::min(best, processor_s() - begin);
		}
		printf("%zu %.4f %.1f\n", ef, double(hits) / double(truth.size()), queries.n / best);
		fflush(stdout);
	}
	return 0;
}
