// faiss.cc - faiss as a peer (peer.h): IndexHNSWFlat, M 16, efConstruction 200, inner product.
//
// Debian builds faiss for any processor of the architecture (no AVX): its users on Debian
// get that.
#include "peer.h"

#include <faiss/IndexHNSW.h>
#include <faiss/index_io.h>
#include <memory>
#include <omp.h>

struct flat {
	std::unique_ptr<faiss::Index> index;
	faiss::IndexHNSW *graph;

	flat(const char *path, uint32_t, bool) : index(faiss::read_index(path))
	{
		omp_set_num_threads(1);
		graph = dynamic_cast<faiss::IndexHNSW *>(index.get());
		if (!graph)
			peer::die("faiss: another kind of index");
	}

	static void build(const char *path, const peer::set &base)
	{
		faiss::IndexHNSWFlat index(int(base.dim), 16, faiss::METRIC_INNER_PRODUCT);

		omp_set_num_threads(1);
		index.hnsw.efConstruction = 200;
		double begin = peer::processor_s();
		index.add(base.n, base.x.data());
		printf("build %.3f\n", peer::processor_s() - begin);
		faiss::write_index(&index, path);
	}

	void ef(size_t n)
	{
		graph->hnsw.efSearch = int(n);
	}

	void find(peer::ids &out, const float *query)
	{
		float distance[peer::K];
		faiss::Index::idx_t id[peer::K];

		index->search(1, query, peer::K, distance, id);
		out.assign(id, id + peer::K);
	}
};

int main(int argc, char **argv)
{
	return peer::main<flat>(argc, argv);
}
