// hnswlib.cc - hnswlib as a peer (peer.h): M 16, ef_construction 200, inner product of floats.
#include "peer.h"

#include <hnswlib/hnswlib.h>

struct hnsw {
	hnswlib::InnerProductSpace space;
	hnswlib::HierarchicalNSW<float> graph;

	hnsw(const char *path, uint32_t dim, bool) : space(dim), graph(&space, path) {}

	static void build(const char *path, const peer::set &base)
	{
		hnswlib::InnerProductSpace space(base.dim);
		hnswlib::HierarchicalNSW<float> graph(&space, base.n, 16, 200);
		double begin = peer::processor_s();

		for (uint32_t i = 0; i < base.n; i++)
			graph.addPoint(base.row(i), i);
		printf("build %.3f\n", peer::processor_s() - begin);
		graph.saveIndex(path);
	}

	void ef(size_t n)
	{
		graph.setEf(n);
	}

	void find(peer::ids &out, const float *query)
	{
		out.clear();
		for (auto found = graph.searchKnn(query, peer::K); !found.empty(); found.pop())
			out.push_back(found.top().second);
	}
};

int main(int argc, char **argv)
{
	return peer::main<hnsw>(argc, argv);
}
