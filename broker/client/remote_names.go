package client

import "strings"

// owns begin the names that are ours in a cluster: topics, groups and transactional ids.
var owns = [...]string{"_freshet", "freshet_"}

// naming turns what callers call topics, groups and transactional ids into what the cluster calls them.
type naming struct{ prefix, installation string }

// out is a name in the cluster: the installation's name comes behind the word freshet of our own.
func (n naming) out(name string) string {
	if n.installation != "" {
		for _, own := range owns {
			if strings.HasPrefix(name, own) {
				at := len(strings.TrimSuffix(own, "_"))
				return n.prefix + name[:at] + "-" + n.installation + name[at:]
			}
		}
	}
	return n.prefix + name
}

// in is the caller's name of something in the cluster; false when it is not the caller's.
func (n naming) in(name string) (string, bool) {
	name, mine := strings.CutPrefix(name, n.prefix)
	if !mine || n.installation == "" {
		return name, mine
	}
	for _, own := range owns {
		word := strings.TrimSuffix(own, "_")
		rest, is := strings.CutPrefix(name, word)
		if !is {
			continue
		}
		if rest, is = strings.CutPrefix(rest, "-"+n.installation); is && rest != "" && strings.HasPrefix(word+rest, own) && strings.ContainsAny(rest[:1], "_-") {
			return word + rest, true
		}
		if strings.HasPrefix(name, own) || strings.HasPrefix(rest, "-") {
			return "", false // another installation's
		}
	}
	return name, true
}
