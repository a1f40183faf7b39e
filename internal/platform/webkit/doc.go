// Package webkit is what every page is made of: the frame, the components, the
// text in two languages, the live updates and the static files.
//
// A room's web part builds a [Page] whose body is a templ component and hands
// it to [Kit.Render]. Components are small and take view structs: they decide
// nothing, and every one of them reads without JavaScript.
//
// # Words
//
// Kit: the frame of one running product. Page: what a room shows. Catalogue: a
// room's sentences, each in English and Japanese. Topic: a name such as
// "alert" or "incident/123" under which a page hears that it has changed.
//
// # Rules
//
// No inline script and no inline style: the content security policy forbids
// both, so geometry is SVG. A state is a colour, a shape and a word. A chart
// has a table twin. What a person sees is in the URL.
package webkit
