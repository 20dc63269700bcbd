-- Beside the index of sessions, which is in the database that the image makes.
CREATE DATABASE prefect;
