// Draws the charts of a page from the options that stand in it, and adds buttons that copy. Nothing is loaded from elsewhere.
(() => {
  "use strict";
  const charts = [];
  let printing = false;
  const PAPER = 660;
  const PALETTE = ["mark", "second", "third", "fourth", "fifth", "faint"];

  const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue("--" + name).trim();

  // "$name" is a colour of the style sheet.
  const filled = (value) => {
    if (Array.isArray(value)) return value.map(filled);
    if (value && typeof value === "object") {
      return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, filled(item)]));
    }
    return typeof value === "string" && /^\$[a-z]+$/.test(value) ? colour(value.slice(1)) || value : value;
  };

  // A sheet of paper is narrower than the window from which it is printed.
  const widthOf = (element) => (printing ? Math.min(PAPER, element.clientWidth) : element.clientWidth);

  const axis = (given, narrow) => {
    const text = { color: colour("faint"), fontSize: narrow ? 11 : 12, hideOverlap: given.type !== "category" };
    const label = { ...text, ...(given.axisLabel || {}) };
    if (narrow && label.width) Object.assign(label, { width: 104, fontSize: 11 });
    return {
      ...given, axisLabel: label, nameTextStyle: text, splitLine: { lineStyle: { color: colour("rule") } },
      splitNumber: narrow ? 3 : given.splitNumber,
    };
  };

  const optionOf = (element) => {
    const option = filled(JSON.parse(element.nextElementSibling.textContent));
    const narrow = widthOf(element) < 520;
    const axes = (given) => (Array.isArray(given) ? given.map((one) => axis(one, narrow)) : axis(given, narrow));
    option.animation = false;
    option.color = PALETTE.map(colour);
    option.textStyle = { fontFamily: getComputedStyle(document.body).fontFamily, color: colour("ink") };
    if (option.xAxis) Object.assign(option, { xAxis: axes(option.xAxis), yAxis: axes(option.yAxis) });
    if (option.legend) {
      option.legend = { ...option.legend, type: "plain", textStyle: { color: colour("ink"), fontSize: narrow ? 11 : 12 } };
      const kinds = (option.legend.data || []).length;
      if (narrow && kinds > 1) { // one below the other, since they would not fit beside each other
        option.legend.orient = "vertical";
        option.grid.top = 20 * kinds + 12;
      }
    }
    if (option.tooltip) {
      Object.assign(option.tooltip, {
        renderMode: "richText", confine: true, backgroundColor: colour("paper"), borderColor: colour("rule"),
        textStyle: { color: colour("ink"), fontSize: 12 },
      });
    }
    return option;
  };

  const draw = (element) => {
    const known = charts.find((one) => one.element === element);
    const chart = known ? known.chart : window.echarts.init(element, null, { renderer: "svg" });
    if (!known) charts.push({ element, chart });
    chart.resize({ width: widthOf(element), height: element.clientHeight });
    chart.setOption(optionOf(element), true);
    // The frame around it says what the picture shows: what is drawn is nothing to walk through.
    for (const drawn of element.querySelectorAll("svg")) drawn.setAttribute("aria-hidden", "true");
  };

  const drawAll = () => charts.slice().forEach((one) => draw(one.element));

  const begin = () => {
    const found = [...document.querySelectorAll(".chart")];
    if (window.echarts) {
      const seen = new IntersectionObserver((entries) => {
        for (const entry of entries) {
          if (entry.isIntersecting) {
            seen.unobserve(entry.target);
            draw(entry.target);
          }
        }
      }, { rootMargin: "600px" });
      found.forEach((element) => seen.observe(element));
      // The others once there is time, so that what is printed or searched is whole.
      const rest = () => {
        const next = found.find((element) => !charts.some((one) => one.element === element));
        if (next) {
          draw(next);
          setTimeout(rest, 0);
        }
      };
      window.addEventListener("load", () => setTimeout(rest, 200));
      let width = document.documentElement.clientWidth;
      window.addEventListener("resize", () => {
        if (printing || width === document.documentElement.clientWidth) return;
        width = document.documentElement.clientWidth;
        drawAll();
      });
      window.matchMedia("(prefers-color-scheme: dark)").addEventListener("change", drawAll);
      let opened = [];
      const print = () => {
        printing = true;
        document.documentElement.classList.add("printing");
        opened = [...document.querySelectorAll("details.figures:not([open])")];
        opened.forEach((one) => { one.open = true; });
        found.forEach(draw);
      };
      window.addEventListener("beforeprint", print);
      window.addEventListener("afterprint", () => {
        printing = false;
        document.documentElement.classList.remove("printing");
        opened.forEach((one) => { one.open = false; });
        drawAll();
      });
      window.clewPrint = print; // for who prints from a program, where no event is sent
    }
    for (const text of document.querySelectorAll("pre.copy")) {
      const button = document.createElement("button");
      button.type = "button";
      button.className = "copies";
      button.textContent = "Copy";
      button.setAttribute("aria-label", "Copy " + (text.dataset.what || "the text"));
      button.addEventListener("click", async () => {
        let done = true;
        try {
          await navigator.clipboard.writeText(text.textContent);
        } catch {
          getSelection().selectAllChildren(text);
          done = document.execCommand("copy");
        }
        document.getElementById("said").textContent = done ? "Copied" : "Selected: copy it with your keyboard";
        button.textContent = done ? "Copied" : "Selected";
        setTimeout(() => { button.textContent = "Copy"; }, 2000);
      });
      text.before(button);
    }
  };
  begin();
})();
