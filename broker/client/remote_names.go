package client

import "strings"

// ownPrefix begins the names that are ours in a cluster: topics, groups and transactional ids.
const ownPrefix = "_freshet"

// naming turns what callers call topics, groups and transactional ids into what the cluster calls them.
type naming struct{ prefix, installation string }

// out is a name in the cluster.
func (n naming) out(name string) string {
	if n.installation != "" {
		if rest, own := strings.CutPrefix(name, ownPrefix); own {
			name = ownPrefix + "-" + n.installation + rest
		}
	}
	return n.prefix + name
}

// in is the caller's name of something in the cluster; false when it is not the caller's.
func (n naming) in(name string) (string, bool) {
	name, mine := strings.CutPrefix(name, n.prefix)
	if !mine {
		return "", false
	}
	if n.installation == "" {
		return name, true
	}
	rest, own := strings.CutPrefix(name, ownPrefix)
	if !own {
		return name, true
	}
	rest, mine = strings.CutPrefix(rest, "-"+n.installation)
	return ownPrefix + rest, mine
}
