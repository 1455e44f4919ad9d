# SPDX-License-Identifier: Apache-2.0
# Latency by percentile. data: blocks of "1/(1-percentile) ns", each headed by its name.
set terminal svg size 900,520 font "sans-serif,13" background "white"
set output picture
set title "One-way latency"
set xlabel "percentile"
set ylabel "latency (ns)"
set logscale xy
set format y "10^{%L}"
set grid
set key outside right
set xtics ("50" 2, "90" 10, "99" 100, "99.9" 1000, "99.99" 10000)
stats data using 1:2 nooutput
plot for [i=0:STATS_blocks-2] data index i using 1:2 with linespoints pt 7 ps 0.5 lw 2 \
     title columnheader(1)
