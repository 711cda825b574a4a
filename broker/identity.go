package broker

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"strconv"
	"strings"

	"github.com/freshetdb/freshet/storage/vfs"
)

const (
	// fileIdentity says whose partitions lie in a directory, in Kafka's own format.
	fileIdentity    = "meta.properties"
	identityMax     = 4 << 10
	identityVersion = "1"
	keyVersion      = "version"
	keyClusterID    = "cluster.id"
	keyNodeID       = "node.id"
)

// checkIdentity makes sure that partitions and metadata belong to the same cluster and node before anything is removed because the
// metadata doesn't know it. It runs before this broker joins, when a lost metadata directory still shows as a cluster without
// a name.
func (b *Broker) checkIdentity(context.Context) error {
	content, err := vfs.ReadFile(b.opts.FS, b.opts.FS.PathJoin(b.topicsDir, fileIdentity), identityMax)
	if vfs.IsNotExist(err) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("read whose partitions these are: %w", err)
	}
	found := parseProperties(content)
	if agreed := b.quorum.Image().ClusterID(); found[keyClusterID] != agreed {
		return fmt.Errorf("%s holds partitions of cluster %q, but the metadata is of cluster %q: restore the metadata directory, or move the partitions away",
			b.topicsDir, found[keyClusterID], agreed)
	}
	if id := strconv.Itoa(int(b.opts.NodeID)); found[keyNodeID] != id {
		return fmt.Errorf("%s holds partitions of node %s, but this is node %s", b.topicsDir, found[keyNodeID], id)
	}
	return nil
}

// writeIdentity marks the partitions as this cluster's and node's, and lets those go that the cluster has deleted.
func (b *Broker) writeIdentity(context.Context) error {
	content := fmt.Sprintf("%s=%s\n%s=%s\n%s=%d\n", keyVersion, identityVersion, keyClusterID, b.ClusterID(), keyNodeID, b.opts.NodeID)
	name := b.opts.FS.PathJoin(b.topicsDir, fileIdentity)
	if _, err := b.opts.FS.Stat(name); err == nil {
		return b.replicas.RemoveStrays()
	}
	if err := vfs.WriteFileAtomic(b.opts.FS, name, []byte(content)); err != nil {
		return fmt.Errorf("write whose partitions these are: %w", err)
	}
	return nil
}

// parseProperties reads lines of key=value; others don't count.
func parseProperties(content []byte) map[string]string {
	out := make(map[string]string)
	lines := bufio.NewScanner(bytes.NewReader(content))
	for lines.Scan() {
		if key, value, ok := strings.Cut(strings.TrimSpace(lines.Text()), "="); ok && !strings.HasPrefix(key, "#") {
			out[key] = value
		}
	}
	return out
}
