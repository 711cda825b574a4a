// Package quota holds clients to the rates agreed for them: it measures what each uses and says how long its connections are not to be
// read (KIP-13, 124, 219, 257, 599, 612).
//
// A quota belongs to a user, a client id, both, or an address, by name or for whoever has none of their own; the nearest one counts, and all
// that fall under it by the same name share one measure. Where no quota is set the cost is one atomic load a request.
package quota
