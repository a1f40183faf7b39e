// What every page loads. Each island is one file; reading works without any.
import "./vendored/htmx.esm.min.js";
import "./islands/morph";
import "./islands/live";
import "./islands/forms";
import "./islands/keys";
import "./islands/palette";
import "./islands/menus";
import "./islands/copy";
import "./islands/times";
import "./islands/chart";

document.documentElement.classList.add("js");
