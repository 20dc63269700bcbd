"use strict";
// Draws the charts from the JSON beside it. All that they tell is in the page's tables too.
(() => {
  const data = JSON.parse(document.getElementById("data").textContent);
  const PHASES = { initial: "circle", search: "diamond", confirm: "triangle", minimise: "rect", replay: "pin" };
  const CROSS = "path://M0,0 L2,0 L6,4 L10,0 L12,0 L12,2 L8,6 L12,10 L12,12 L10,12 L6,8 L2,12 L0,12 L0,10 L4,6 L0,2 Z";
  const scored = data.trials.filter((trial) => trial.severity !== null);

  // The colours are CSS's, which knows whether the reader's system is dark; canvas cannot read light-dark() itself.
  const probe = document.createElement("i");
  const colour = (name) => {
    probe.style.color = `var(--${name})`;
    return getComputedStyle(probe).color;
  };
  const palette = () => {
    document.body.append(probe);
    const names = ["paper", "soft", "line", "text", "muted", "seen", "bad", "normal", "mild", "middle", "worst", "band"];
    const found = Object.fromEntries(names.map((name) => [name, colour(name)]));
    probe.remove();
    return found;
  };

  const text = (tag, content, parent) => {
    const element = document.createElement(tag);
    element.textContent = content;
    parent.append(element);
    return element;
  };
  // An element and not HTML: what comes from the target is text, whatever it looks like.
  const tip = (trial) => {
    const box = document.createElement("div");
    box.className = "tip";
    text("strong", `trial ${trial.n}: ${trial.severity === null ? trial.status : "severity " + trial.severity.toFixed(1)}`, box);
    text("span", trial.fault, box);
    if (trial.mode) text("div", `failure ${trial.mode}`, box);
    return box;
  };
  const tooltip = (c, of) => ({
    trigger: "item", confine: true, backgroundColor: c.soft, borderColor: c.line,
    formatter: (at) => (of(at) ? tip(of(at)) : undefined),
  });
  const base = (c) => ({ animation: false, textStyle: { fontFamily: getComputedStyle(document.body).fontFamily, fontSize: 12, color: c.text } });
  const lines = (c) => ({
    axisLine: { lineStyle: { color: c.line } }, axisTick: { lineStyle: { color: c.line } },
    axisLabel: { color: c.muted }, nameTextStyle: { color: c.muted }, splitLine: { lineStyle: { color: c.line, opacity: 0.6 } },
  });
  const severityAxis = (c) => ({ type: "value", min: 0, max: 10, name: "severity", ...lines(c) });
  const short = (label, n) => (label.length > n ? label.slice(0, n - 1) + "…" : label);

  function course(c) {
    const series = Object.entries(PHASES).map(([phase, symbol]) => ({
      name: phase, type: "scatter", symbol, symbolSize: phase === "initial" || phase === "minimise" ? 7 : 9,
      itemStyle: { color: c.seen, opacity: 0.85 },
      data: scored.filter((trial) => trial.phase === phase).map((trial) => ({ value: [trial.n, trial.severity], trial })),
    })).filter((each) => each.data.length);
    const lost = data.trials.filter((trial) => trial.severity === null);
    if (lost.length) {
      series.push({
        name: "no score", type: "scatter", symbol: CROSS, symbolSize: 9, itemStyle: { color: c.bad },
        data: lost.map((trial) => ({ value: [trial.n, 0], trial })),
      });
    }
    series.push({
      name: "worst so far", type: "line", step: "end", symbol: "none", z: 1, color: c.middle,
      lineStyle: { color: c.middle, width: 2 }, tooltip: { show: false },
      data: data.trials.filter((trial) => trial.soFar !== null).map((trial) => [trial.n, trial.soFar]),
    });
    return {
      ...base(c), grid: { left: 44, right: 16, top: 60, bottom: 40 },
      legend: { top: 0, left: 0, textStyle: { color: c.text }, inactiveColor: c.normal },
      tooltip: tooltip(c, (at) => at.data.trial),
      xAxis: { type: "value", min: 0, max: Math.max(1, ...data.trials.map((trial) => trial.n)), name: "trial", nameLocation: "middle", nameGap: 24, minInterval: 1, ...lines(c), splitLine: { show: false }, axisLabel: { color: c.muted, showMaxLabel: false } },
      yAxis: severityAxis(c), series,
    };
  }

  function importance(c, box) {
    const order = [...data.importance].sort((a, b) => (a.model ?? a.trials ?? 0) - (b.model ?? b.trials ?? 0));
    const bar = (name, key, color, decal) => ({
      name, type: "bar", barMaxWidth: 10, itemStyle: { color, decal }, data: order.map((each) => each[key]),
    });
    const both = [bar("among the trials", "trials", c.normal, { symbol: "rect", dashArrayX: [1, 0], dashArrayY: [2, 4], rotation: -0.8, color: c.paper })];
    if (order.some((each) => each.model !== null)) both.push(bar("by the model", "model", c.seen));
    box.style.height = `${84 + 34 * order.length}px`;
    return {
      ...base(c), grid: { left: 8, right: 24, top: 40, bottom: 8, containLabel: true },
      legend: { top: 0, left: 0, textStyle: { color: c.text }, data: both.map((each) => each.name).reverse() },
      xAxis: { type: "value", min: 0, ...lines(c), axisLabel: { color: c.muted, formatter: (share) => `${Math.round(share * 100)} %` } },
      yAxis: { type: "category", data: order.map((each) => short(each.name, 24)), ...lines(c) }, series: both,
    };
  }

  // What the trials and the model say along one dimension: numbers from left to right, categories from top to bottom.
  function along(c, index, box) {
    const axis = data.axes[index], curve = data.curves[index];
    const dots = scored.filter((trial) => trial.point[index] !== null);
    return axis.labels ? categories(c, index, box, axis, curve, dots) : numbers(c, index, axis, curve, dots);
  }

  function numbers(c, index, axis, curve, dots) {
    const series = [{
      name: "trials", type: "scatter", symbolSize: 6, itemStyle: { color: c.normal, opacity: 0.75 },
      data: dots.map((trial) => ({ value: [trial.point[index], trial.severity], trial })),
    }];
    if (curve) {
      const through = (values) => curve.values.map((value, i) => [value, values[i]]);
      const quiet = { type: "line", symbol: "none", silent: true, tooltip: { show: false } };
      const band = curve.values.map((value, i) => (curve.low[i] === null ? null : [value, curve.low[i], curve.high[i]])).filter(Boolean);
      series.unshift({
        name: "spread", type: "custom", silent: true, color: c.band, data: band.length ? [0] : [],
        renderItem: (_, api) => ({
          type: "polygon", style: { fill: c.band },
          shape: { points: [...band.map((at) => api.coord([at[0], at[1]])), ...band.map((at) => api.coord([at[0], at[2]])).reverse()] },
        }),
        clip: true, tooltip: { show: false },
      });
      series.push({ ...quiet, name: "average over the space", color: c.middle, lineStyle: { type: "dashed", width: 2, color: c.middle }, data: through(curve.average) });
      if (curve.mean.some((value) => value !== null)) {
        series.push({ ...quiet, name: "expected", color: c.seen, lineStyle: { width: 2.5, color: c.seen }, data: through(curve.mean) });
      }
    }
    return {
      ...base(c), grid: { left: 44, right: 20, top: 60, bottom: 42 },
      legend: { top: 0, left: 0, textStyle: { color: c.text }, data: series.map((each) => each.name).filter((name) => name !== "spread") },
      tooltip: tooltip(c, (at) => at.data && at.data.trial),
      xAxis: { type: axis.log ? "log" : "value", min: axis.low, max: axis.high, name: short(axis.name, 30), nameLocation: "middle", nameGap: 26, ...lines(c), splitLine: { show: false }, axisLabel: { color: c.muted, hideOverlap: true } },
      yAxis: severityAxis(c), series,
    };
  }

  function categories(c, index, box, axis, curve, dots) {
    const series = [{
      name: "trials", type: "scatter", symbolSize: 6, itemStyle: { color: c.normal, opacity: 0.75 },
      data: dots.map((trial) => ({ value: [trial.severity, trial.point[index]], trial })),
    }];
    if (curve) {
      series.push({
        name: "average over the space", type: "scatter", symbol: "rect", symbolSize: [3, 18], silent: true, color: c.middle,
        data: curve.values.map((value, i) => [curve.average[i], value]).filter((at) => at[0] !== null),
      });
      const known = curve.values.map((value, i) => [curve.mean[i], value, curve.low[i], curve.high[i]]).filter((at) => at[0] !== null);
      series.push({
        name: "spread", type: "custom", silent: true, z: 1, data: known, encode: { x: [2, 3], y: 1 },
        renderItem: (_, api) => {
          const from = api.coord([api.value(2), api.value(1)]), to = api.coord([api.value(3), api.value(1)]);
          return { type: "rect", shape: { x: from[0], y: from[1] - 7, width: Math.max(1, to[0] - from[0]), height: 14 }, style: { fill: c.band } };
        },
      });
      if (known.length) {
        series.push({
          name: "expected", type: "scatter", symbol: "diamond", symbolSize: 13, silent: true, z: 4, itemStyle: { color: c.seen, borderColor: c.paper, borderWidth: 1 },
          data: known.map((at) => [at[0], at[1]]),
        });
      }
    }
    box.style.height = `${110 + 26 * axis.labels.length}px`;
    return {
      ...base(c), grid: { left: 8, right: 20, top: 60, bottom: 26, containLabel: true },
      legend: { top: 0, left: 0, textStyle: { color: c.text }, data: series.map((each) => each.name).filter((name) => name !== "spread") },
      tooltip: tooltip(c, (at) => at.data && at.data.trial),
      xAxis: { ...severityAxis(c), nameLocation: "middle", nameGap: 26 },
      yAxis: { type: "category", inverse: true, data: axis.labels.map((label) => short(label, 22)), ...lines(c), splitLine: { show: true, lineStyle: { color: c.line, opacity: 0.4 } } },
      series,
    };
  }

  let least = 0;
  function parallel(c, box) {
    const narrow = box.clientWidth < 640;
    // Categories are numbers with words as labels: ECharts skips a missing number, but breaks a line at a missing category.
    const axes = data.axes.map((axis, dim) => (axis.labels
      ? {
          dim, name: axis.name, type: "value", min: -1, max: axis.labels.length, interval: 1, inverse: !narrow,
          axisTick: { show: false }, minorTick: { show: false },
          axisLabel: { formatter: (place) => short(axis.labels[place] ?? "", narrow ? 12 : 16), rotate: narrow && axis.labels.length > 4 ? 35 : 0 },
          nameLocation: narrow ? "middle" : "start",
        }
      : { dim, name: axis.name, type: axis.log ? "log" : "value", min: axis.low, max: axis.high }));
    axes.push({ dim: axes.length, name: "severity", type: "value", min: 0, max: 10 });
    box.style.height = narrow ? `${70 + 92 * axes.length}px` : "440px";
    const value = (trial) => trial.point.map((each) => (each === null ? "-" : each));
    return {
      ...base(c), tooltip: tooltip(c, (at) => at.data && at.data.trial),
      visualMap: {
        type: "continuous", min: 0, max: 10, dimension: axes.length - 1, inRange: { color: [c.mild, c.middle, c.worst] },
        show: false, seriesIndex: 0,
      },
      parallel: {
        layout: narrow ? "vertical" : "horizontal", left: narrow ? 24 : 60, right: narrow ? 30 : 70, top: narrow ? 40 : 46, bottom: 34,
        parallelAxisDefault: {
          nameLocation: narrow ? "middle" : "end", nameGap: narrow ? -16 : 16,
          nameTextStyle: { color: c.text, fontWeight: 600, textBorderColor: c.paper, textBorderWidth: 4 },
          axisLine: { lineStyle: { color: c.muted } }, axisTick: { lineStyle: { color: c.muted } },
          axisLabel: { color: c.text, textBorderColor: c.paper, textBorderWidth: 3, hideOverlap: true },
          z: 5, areaSelectStyle: { borderColor: c.seen, color: c.seen, opacity: 0.25 },
        },
      },
      parallelAxis: axes,
      series: [{
        type: "parallel", smooth: 0.15, lineStyle: { width: 1.6, opacity: 0.55 }, inactiveOpacity: 0.05,
        emphasis: { lineStyle: { width: 4, opacity: 1 } },
        data: scored.filter((trial) => trial.severity >= least).sort((a, b) => a.severity - b.severity)
          .map((trial) => ({ value: [...value(trial), trial.severity], trial })),
      }],
    };
  }

  const charts = [
    ["chart-course", course], ["chart-importance", importance], ["chart-parallel", parallel],
  ].map(([id, option]) => ({ box: document.getElementById(id), option }));
  document.querySelectorAll("[data-axis]").forEach((box) => {
    charts.push({ box, option: (c, own) => along(c, Number(box.dataset.axis), own) });
  });

  function draw() {
    const c = palette();
    for (const chart of charts) {
      const option = chart.option(c, chart.box);
      chart.shown ??= echarts.init(chart.box, null, { renderer: "canvas" });
      chart.shown.resize();
      chart.shown.setOption(option, { notMerge: true });
    }
  }

  document.documentElement.classList.add("js");
  draw();
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", draw);
  let waiting = 0, width = innerWidth;
  addEventListener("resize", () => {
    if (innerWidth === width) return;
    width = innerWidth;
    clearTimeout(waiting);
    waiting = setTimeout(draw, 100);
  });
  const slider = document.getElementById("least");
  slider.addEventListener("input", () => {
    least = Number(slider.value);
    document.getElementById("least-shown").textContent = slider.value;
    draw();
  });
})();
