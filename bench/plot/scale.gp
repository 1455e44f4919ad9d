# SPDX-License-Identifier: Apache-2.0
# Cost of a message and memory of an agent against the number of agents. data: "agents ns bytes".
set terminal svg size 900,520 font "sans-serif,13" background "white"
set output picture
set title "Agents alive: cost of a message, memory of an agent"
set xlabel "agents"
set ylabel "ns per message"
set y2label "resident bytes per agent"
set logscale x
set format x "10^{%L}"
set yrange [0:*]
set y2range [0:1024]
set ytics nomirror
set y2tics
set grid
set key left top
plot data using 1:2 with linespoints pt 7 lw 2 title "ns per message", \
     data using 1:3 axes x1y2 with linespoints pt 5 lw 2 title "bytes per agent"
