-- Dead letters that were sent again. The consumer gives the values in this order.
INSERT INTO replayed (
    topic, topic_partition, topic_offset, letter, received_at
) VALUES
