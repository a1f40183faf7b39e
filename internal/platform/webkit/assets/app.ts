import "./vendored/htmx.esm.min.js";
