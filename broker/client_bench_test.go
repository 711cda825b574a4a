package broker

import (
	"fmt"
	"testing"

	"github.com/freshetdb/freshet/broker/client"
	"github.com/freshetdb/freshet/storage/vfs"
)

// BenchmarkCommit measures one engine commit: a batch to each of 20 partitions and the positions of one group, from the
// first Produce to the moment readers see it. On the operating system's disk it is bound by its three sync rounds.
func BenchmarkCommit(b *testing.B) {
	for _, disk := range []string{"memory", "disk"} {
		b.Run(disk, func(b *testing.B) {
			fs, dir := vfs.FS(vfs.NewMem()), testDir
			if disk == "disk" {
				fs, dir = vfs.Default(), b.TempDir()
			}
			br := startBroker(b, func(o *Options) { o.FS, o.DataDir = fs, dir })
			const partitions = 20
			spec := client.TopicSpec{Name: "out", Partitions: partitions}
			if _, err := br.Client().CreateTopic(testContext(b), spec); err != nil {
				b.Fatal(err)
			}
			p, err := br.Client().Producer(testContext(b), client.ProducerOptions{TransactionalID: "engine"})
			if err != nil {
				b.Fatal(err)
			}
			batch := batchOf(numbered(fmt.Sprintf("%064d", 0), 10)...)
			offsets := map[client.TopicPartition]client.Committed{{Topic: "out"}: {Offset: 1, LeaderEpoch: -1}}
			done := make(chan error, 1)
			b.ReportAllocs()
			for b.Loop() {
				for i := range int32(partitions) {
					p.Produce(client.TopicPartition{Topic: "out", Partition: i}, append([]byte(nil), batch...), nil)
				}
				p.CommitOffsets(client.GroupMember{Group: "g"}, offsets, nil)
				p.Commit(func(err error) { done <- err })
				if err := <-done; err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
