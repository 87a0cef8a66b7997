// SPDX-License-Identifier: BSD-2-Clause
/* Short-lived C++: `shop MS` fills maps with strings for MS milliseconds of CPU time and ends. */
#include <cstdlib>
#include <ctime>
#include <map>
#include <string>

namespace shop {

class Basket {
public:
	__attribute__((noinline)) void add(const std::string &name, int count);
	__attribute__((noinline)) long total() const;

private:
	std::map<std::string, int> items;
};

void Basket::add(const std::string &name, int count)
{
	for (int i = 0; i < count; i++)
		items[name + std::to_string(i * 7919 % 1000)] += i;
}

long Basket::total() const
{
	long sum = 0;

	for (int round = 0; round < 20; round++)
		for (const auto &item : items)
			sum += item.second * (long)item.first.size();
	return sum;
}

} // namespace shop

int main(int argc, char **argv)
{
	long limit_us = argc == 2 ? atol(argv[1]) * 1000 : 0, sum = 0;

	while (clock() < limit_us * (CLOCKS_PER_SEC / 1000000)) {
		shop::Basket basket;

		basket.add("a name that is too long for its object ", 300);
		sum += basket.total();
	}
	return sum == 42;
}
