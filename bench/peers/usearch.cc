// usearch.cc - usearch as a peer (peer.h): connectivity 16, expansion 200.
//
// -DCODES: int8, which usearch defines for cosine; its search gives no exact order, as
// none of its users gets one.  Else floats, inner product.  `once` maps the file (view)
// and does not read it.
#include "peer.h"

#include <usearch/index_dense.hpp>

using namespace unum::usearch;

struct dense {
	index_dense_t index;

	static void must(bool ok, const char *what)
	{
		if (!ok)
			peer::die(std::string("usearch: ") + what);
	}

	dense(const char *path, uint32_t, bool once)
	{
		auto made = index_dense_t::make(path, once);
		must(!made.error, "cannot be opened");
		index = std::move(made.index);
	}

	static void build(const char *path, const peer::set &base)
	{
#ifdef CODES
		metric_punned_t metric(base.dim, metric_kind_t::cos_k, scalar_kind_t::i8_k);
#else
		metric_punned_t metric(base.dim, metric_kind_t::ip_k, scalar_kind_t::f32_k);
#endif
		auto made = index_dense_t::make(metric, index_dense_config_t(16, 200, 64));
		must(!made.error, "cannot be made");
		made.index.reserve(index_limits_t(base.n, 1));
		double begin = peer::processor_s();

		for (uint32_t i = 0; i < base.n; i++)
			must(bool(made.index.add(index_dense_t::vector_key_t(i), base.row(i))), "cannot add");
		printf("build %.3f\n", peer::processor_s() - begin);
		must(bool(made.index.save(path)), "cannot save");
	}

	void ef(size_t n)
	{
		index.change_expansion_search(n);
	}

	void find(peer::ids &out, const float *query)
	{
		auto found = index.search(query, peer::K);
		must(bool(found), "cannot search");
		out.clear();
		for (size_t i = 0; i < found.size(); i++)
			out.push_back(index_dense_t::vector_key_t(found[i].member.key));
	}
};

int main(int argc, char **argv)
{
	return peer::main<dense>(argc, argv);
}
