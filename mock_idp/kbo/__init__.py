"""KBO's pages: public search of enterprises, and a counter where anyone plays KBO. The JSON register is elsewhere."""
