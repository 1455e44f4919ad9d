# SPDX-License-Identifier: Apache-2.0
# Throughput against workers. data: blocks of "workers median min max" in millions, headed by the name.
set terminal svg size 900,520 font "sans-serif,13" background "white"
set output picture
set title "Throughput against workers"
set xlabel "workers"
set ylabel "million messages per second"
set yrange [0:*]
set xtics 1
set offsets 0.2, 0.2, 0, 0
set grid
set key outside right
stats data using 1:2 nooutput
plot for [i=0:STATS_blocks-2] data index i using 1:2:3:4 with yerrorlines pt 7 ps 0.5 lw 2 \
     title columnheader(1)
