# SPDX-License-Identifier: Apache-2.0
# Every figure in ns: median, min, max. data: "name" median min max.
set terminal svg size 1000,520 font "sans-serif,13" background "white"
set output picture
set title "Cost per operation: median, min and max"
set ylabel "ns"
set logscale y
set grid ytics
set xtics rotate by -40
set style fill solid 0.6
set boxwidth 0.6
unset key
set bmargin 7
plot data using 0:2:xtic(1) with boxes lc rgb "#4477aa", \
     data using 0:2:3:4 with yerrorbars pt 0 lw 2 lc rgb "#222222"
