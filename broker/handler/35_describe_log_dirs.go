package handler

import (
	"cmp"
	"context"
	"slices"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/freshetdb/freshet/broker/auth"
	"github.com/freshetdb/freshet/broker/replica"
	"github.com/freshetdb/freshet/broker/wire"
)

// unknownBytes says that a volume's size is not known.
const unknownBytes = -1

// describeLogDirs lists the partitions of the data directory with their sizes.
func (h *Handler) describeLogDirs(_ context.Context, req *wire.Request) {
	in := req.Body.(*kmsg.DescribeLogDirsRequest)
	resp := kmsg.NewPtrDescribeLogDirsResponse()
	if !h.mayCluster(req, auth.OpDescribe) {
		resp.ErrorCode, resp.Dirs = kerr.ClusterAuthorizationFailed.Code, []kmsg.DescribeLogDirsResponseDir{}
		req.Reply(resp)
		return
	}
	dir := kmsg.NewDescribeLogDirsResponseDir()
	dir.Dir, dir.TotalBytes, dir.UsableBytes = h.DataDir, unknownBytes, unknownBytes
	if h.DiskUsage != nil {
		if total, usable, err := h.DiskUsage(); err == nil {
			dir.TotalBytes, dir.UsableBytes = total, usable
		}
	}
	dir.Topics = []kmsg.DescribeLogDirsResponseDirTopic{}
	held := h.Replicas.Partitions()
	slices.SortFunc(held, func(a, b *replica.Partition) int {
		return cmp.Or(cmp.Compare(a.Topic(), b.Topic()), cmp.Compare(a.Index(), b.Index()))
	})
	for _, p := range held {
		if !logDirWants(in, p) {
			continue
		}
		size, err := p.SizeBytes()
		if err != nil {
			continue // offline or just deleted
		}
		if n := len(dir.Topics); n == 0 || dir.Topics[n-1].Topic != p.Topic() {
			topic := kmsg.NewDescribeLogDirsResponseDirTopic()
			topic.Topic = p.Topic()
			dir.Topics = append(dir.Topics, topic)
		}
		out := kmsg.NewDescribeLogDirsResponseDirTopicPartition()
		out.Partition, out.Size = p.Index(), size
		last := &dir.Topics[len(dir.Topics)-1]
		last.Partitions = append(last.Partitions, out)
	}
	resp.Dirs = []kmsg.DescribeLogDirsResponseDir{dir}
	req.Reply(resp)
}

// logDirWants tells whether a partition was asked for; a null list asks for all.
func logDirWants(in *kmsg.DescribeLogDirsRequest, p *replica.Partition) bool {
	if in.Topics == nil {
		return true
	}
	return slices.ContainsFunc(in.Topics, func(t kmsg.DescribeLogDirsRequestTopic) bool {
		return t.Topic == p.Topic() && slices.Contains(t.Partitions, p.Index())
	})
}
